"""What happened in a day or a week: noted of each alert, added up, put into words."""
