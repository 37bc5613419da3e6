"""Live figures of the book's pages."""
