package report

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// reserve reserves space on the disk for length bytes from offset on, without extending
// the file, so that they can be written later even if the disk is full. A file system
// that does not support it is not an error.
func reserve(file *os.File, offset, length int64) error {
	// The limit on the size of files (ulimit -f) applies to the length only, which is
	// not extended yet.
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err == nil && uint64(offset+length) > limit.Cur {
		return unix.EFBIG
	}
	for {
		err := unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_KEEP_SIZE, offset, length)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return nil
		}
		return err
	}
}
