"""The worker: takes up notifications, fetches files, and is the only writer of the database."""
