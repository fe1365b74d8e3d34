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
	err := unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_KEEP_SIZE, offset, length)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINTR) {
		return nil
	}
	return err
}
