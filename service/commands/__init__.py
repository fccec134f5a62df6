"""What the `hifitune` command does; imported lazily by service.cli, one command a file."""
