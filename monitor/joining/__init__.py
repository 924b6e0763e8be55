"""What joins the parts: exchanges examined, windows closed, deploys judged from the stores, alerts
delivered, the gate.
"""
