"""Report formats beyond HTML, PDF and JSON, through the hook ``dpaudit_render``."""
