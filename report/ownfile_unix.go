//go:build !windows

package report

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// OpenNoFollow is the flag with which neither links are opened nor files that block.
const OpenNoFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// othersWrite are the permissions that let others than the owner write.
const othersWrite fs.FileMode = 0o022

// checkOwn returns an error that says why others may have written a file.
func checkOwn(info fs.FileInfo) error {
	const known = "if you trust what it holds"
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch mode := info.Mode(); {
	case !ok:
		return nil
	case int(stat.Uid) != os.Geteuid() && stat.Uid != 0:
		return fmt.Errorf("it is owned by uid %d; chown it to yourself %s", stat.Uid, known)
	case mode&othersWrite != 0:
		return fmt.Errorf("its group or others may write to it (mode %#o); run chmod go-w on it %s", mode.Perm(), known)
	case !mode.IsDir() && stat.Nlink > 1:
		return fmt.Errorf("it has %d hard links; copy it to a file of its own %s", stat.Nlink, known)
	}
	return nil
}

// alike reports whether a file has the same owner as one made by us, no additional
// writers, and no other name.
func alike(info, made fs.FileInfo) bool {
	its, ok := info.Sys().(*syscall.Stat_t)
	others, known := made.Sys().(*syscall.Stat_t)
	return ok && known && its.Uid == others.Uid && info.Mode()&othersWrite&^made.Mode() == 0 && (info.IsDir() || its.Nlink == 1)
}
