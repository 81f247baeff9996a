"""Styles by name: the sample paintings, and the pictures in the user's own folder."""
