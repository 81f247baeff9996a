"""The studio: a page in the browser and its JSON API, served on this machine alone (docs/api.md, docs/security.md).

``server`` binds the port and runs ``app``, in which ``guard`` checks every request before ``endpoints`` routes it.
``studio`` connects the parts: ``library`` stores pictures, ``job_queue`` owns the processes that paint
(``job_process``), ``previewer`` the one for instant previews (``preview_process``), ``database`` keeps everything over
a restart, and ``event_log`` tells all open pages. ``models`` declares the bodies of requests and answers.
"""
