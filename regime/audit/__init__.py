"""Proof that nothing served has seen the future, that anybody can run: `regime audit`.

Four detectors. A replay works random past days out again from what was known then (`replay`). The
books are compared with what they should hold (`books`, `walks`). What no replay can show is read
off how models and series are made (`structure`). And where nothing can be known, nothing may be
found (`chance`). `leaks` says which of them catches what; `certificate` runs them all.
"""
