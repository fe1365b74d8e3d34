//go:build !windows

package report

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A fakeInfo is what a file system says of a file.
type fakeInfo struct {
	mode  fs.FileMode
	owner uint32
	names uint64
}

func (f fakeInfo) Name() string       { return "file" }
func (f fakeInfo) Size() int64        { return 1 }
func (f fakeInfo) Mode() fs.FileMode  { return f.mode }
func (f fakeInfo) ModTime() time.Time { return noon }
func (f fakeInfo) IsDir() bool        { return f.mode.IsDir() }

func (f fakeInfo) Sys() any {
	stat := &syscall.Stat_t{Uid: f.owner}
	for range f.names { // which has another type on each system
		stat.Nlink++
	}
	return stat
}

func TestWhoMayHaveWrittenAFile(t *testing.T) {
	t.Parallel()
	us := uint32(os.Geteuid())
	const dir = fs.ModeDir
	for _, tt := range []struct {
		name string
		info fakeInfo
		want string // empty: it is ours
	}{
		{"ours", fakeInfo{0o600, us, 1}, ""},
		{"ours, for all to read", fakeInfo{0o644, us, 1}, ""},
		{"root's", fakeInfo{0o644, 0, 1}, ""},
		{"another user's", fakeInfo{0o600, 65534, 1}, "it is owned by uid 65534"},
		{"the group may write", fakeInfo{0o660, us, 1}, "mode 0660"},
		{"others may write", fakeInfo{0o602, us, 1}, "mode 0602"},
		{"two names", fakeInfo{0o600, us, 2}, "2 hard links"},
		{"a directory", fakeInfo{dir | 0o755, us, 5}, ""},
		{"a directory of others", fakeInfo{dir | 0o777, us, 2}, "mode 0777"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := checkOwn(tt.info); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v; want %q", err, tt.want)
			}
		})
	}
}

// TestAFileSystemThatKeepsNoOwners: there is no other way there to make a file, and
// so no reason to refuse one that was made in that way.
func TestAFileSystemThatKeepsNoOwners(t *testing.T) {
	t.Parallel()
	fat, squashed := fakeInfo{0o777, 1000, 1}, fakeInfo{0o600, 65534, 1}
	for _, tt := range []struct {
		name       string
		info, made fakeInfo
		want       bool
	}{
		{"a FAT volume", fat, fat, true},
		{"a share that maps every user to one", squashed, squashed, true},
		{"fewer writers", fakeInfo{0o755, 1000, 1}, fat, true},
		{"more writers", fakeInfo{0o606, 65534, 1}, squashed, false},
		{"another owner", fakeInfo{0o777, 1001, 1}, fat, false},
		{"another name", fakeInfo{0o777, 1000, 2}, fat, false},
		{"a directory", fakeInfo{fs.ModeDir | 0o777, 1000, 2}, fakeInfo{fs.ModeDir | 0o777, 1000, 2}, true},
	} {
		if got := alike(tt.info, tt.made); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}

func TestWhatIsOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	for _, err := range []error{
		os.WriteFile(file, []byte("text"), 0o600),
		os.Symlink(file, filepath.Join(dir, "link")),
		os.Symlink(filepath.Join(dir, "nothing"), filepath.Join(dir, "dangling")),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, flag := range []int{os.O_RDONLY, os.O_RDWR} {
		for name, want := range map[string]string{
			"file": "", "link": "it is a symbolic link", "dangling": "it is a symbolic link", "pipe": "it is not a regular file", "nothing": "no such file",
		} {
			opened, err := OpenFile(filepath.Join(dir, name), flag)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want %q", name, err, want)
			}
			if strings.Contains(want, "link") != errors.Is(err, ErrUntrusted) {
				t.Errorf("%s: %v", name, err)
			}
			if err == nil {
				opened.Close()
			}
		}
	}
	if _, err := OpenFile(dir, os.O_RDONLY); err == nil {
		t.Error("a directory was opened")
	}
	for mode, want := range map[fs.FileMode]error{0o600: nil, 0o666: ErrUntrusted} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if opened, err := openOwn(file, os.O_RDWR); !errors.Is(err, want) {
			t.Errorf("%v: %v", mode, err)
		} else if err == nil {
			opened.Close()
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("it has left %v, %v", left, err)
	}
}
