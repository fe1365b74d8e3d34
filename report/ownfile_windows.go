package report

import "io/fs"

// OpenNoFollow is nothing here: links are looked for when a file has been opened.
const OpenNoFollow = 0

// checkOwn finds nothing: who can write a file is what its folder says.
func checkOwn(fs.FileInfo) error { return nil }

func alike(fs.FileInfo, fs.FileInfo) bool { return true }
