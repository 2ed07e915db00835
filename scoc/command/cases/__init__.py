"""Coordination and dispatch (协调分发): the seven-stage case loop, responsibility, clocks, evaluation."""
