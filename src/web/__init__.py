"""Pages in a browser: layout, components, log view and event stream, for whoever has something to show."""
