"""The sweep's report: one HTML page of everything that its study knows, drawn section by section."""
