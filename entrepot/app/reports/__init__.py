"""Reports of KPIs from one release: as a page, a PDF, a workbook; and sending them."""
