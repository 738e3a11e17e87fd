"""The API: takes notifications of new files, and answers questions about movies and imports."""
