"""Metadata: EXIF and TIFF tags, XMP, PNG chunks, provenance, and the record of a painting."""
