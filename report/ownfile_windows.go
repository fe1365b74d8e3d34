package report

import "io/fs"

// OpenNoFollow is 0 here: OpenFile looks for links after it has opened a file.
const OpenNoFollow = 0

// checkOwn accepts every file: its folder decides who can write to it.
func checkOwn(fs.FileInfo) error { return nil }

func alike(fs.FileInfo, fs.FileInfo) bool { return true }
