"""What the cell did: its cycler record, its states and the clock they share with the scans."""
