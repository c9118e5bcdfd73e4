"""The persistent catalog: sources, spaces, homes, folders, views, and what is noted on them."""
