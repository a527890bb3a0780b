"""The work of the service: each job is carried out by a process of its own, which may die without harm."""
