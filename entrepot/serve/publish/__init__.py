"""What goes out: the files of `publish/`, and every decision about delivering a message, without any I/O."""
