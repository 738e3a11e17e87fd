"""The pages for people: the search at /, and the imports at /ui/imports.

They ask the same queries by the same schemas as the API does, so that the two cannot differ, and
they work without JavaScript: htmx only spares a reader the waiting for whole pages.
"""
