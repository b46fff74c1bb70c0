"""The store's tables, where they live, and how rows get in and out."""
