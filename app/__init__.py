"""The Streamlit app: it reads what the scripts stored, and computes nothing."""
