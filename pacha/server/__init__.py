"""A remote's folder for others over HTTP: what may be asked, by whom, and what is checked before it is believed."""
