"""What makes the reference data of ``travel_gpt.advisor.reference`` out of kept packages.

``places``     towns and their other names, from GeoNames
``regions``    what they are in, named after the airports and holidays there
``airports``   airports, and cities with several
``countries``  names of countries, and currencies
``holidays``   public holidays
``database``   the file
"""
