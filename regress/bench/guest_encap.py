#!/usr/bin/python3
"""encap.py in the guest, whose kernel has sit to compare with."""

import encap

encap.main()
