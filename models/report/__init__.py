"""What the reports of trainings are made of: charts, sections and their style."""
