"""The proof that the tutorial presets are TensorFlow's tutorials.

``test_stored`` compares impasto with results of TensorFlow that ``store`` has written. ``live``, which only
``make test-keras`` runs, compares it with TensorFlow itself.
"""
