"""Frame to chart, without Streamlit. One palette, safe for colour blindness."""
