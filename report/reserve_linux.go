package report

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// reserve sets aside room on the disk for length bytes from offset on, without
// making the file longer, so that they can be written later even when the disk
// is full. A file system that cannot do so is no reason not to go on.
func reserve(file *os.File, offset, length int64) error {
	// The limit on the size of files (ulimit -f) is one on the length alone,
	// which stays as it is for now.
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
