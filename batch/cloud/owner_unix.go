//go:build unix

package cloud

import (
	"io/fs"
	"syscall"
)

// ownerOf is the id of the user to whom a file belongs.
func ownerOf(info fs.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}
