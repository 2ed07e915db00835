"""SCOC, an open-source Smart City Operation Center (智慧城市运营中心)."""
