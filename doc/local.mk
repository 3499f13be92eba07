# rules of doc
