"""Many paintings in one go: which they are, what of them is done already, and painting the rest in processes.

``collecting`` finds the pictures, ``naming`` gives the outputs their names, ``works`` plans what is to be painted,
``running`` paints it in processes whose other end is ``worker``, and ``events`` are what it tells meanwhile. Only
``worker`` loads PyTorch.
"""
