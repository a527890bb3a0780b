"""The service's memory: projects, series, files, jobs and results in one database, and the files' contents on disk."""
