"""What a notebook calls: experiments and their record, plots, source code shown."""
