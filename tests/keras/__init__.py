"""The proof that the tutorial presets are TensorFlow's tutorials.

``test_stored`` compares impasto with what TensorFlow said when ``store`` was run; ``live``, which only
``make test-keras`` runs, compares it with TensorFlow itself.
"""
