"""What crosses the door of insight, a module for each kind of question."""
