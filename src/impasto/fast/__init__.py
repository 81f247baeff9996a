"""The instant preset without PyTorch: its networks as ONNX models, run by ONNX Runtime, and its maps in NumPy.

``export`` writes the models, ``graphs`` builds them from the weights of the package, ``network`` runs them, ``maps``
computes the optimal transport between them, and ``painter`` paints a job as :class:`impasto.painting.painter.Painter`
does. No module here imports PyTorch, whose import alone takes longer than the painting.
"""
