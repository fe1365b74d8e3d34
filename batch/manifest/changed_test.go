package manifest

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"imsrevoke/batch"
)

// A meddler is a store that does something when it gets the first row.
type meddler struct {
	memory
	do func()
}

func (m *meddler) Add(row batch.Row, other []string) error {
	if len(m.rows) == 0 {
		m.do()
	}
	return m.memory.Add(row, other)
}

func TestAFileThatChangesWhileItIsReadIsRefused(t *testing.T) {
	t.Parallel()
	content := "image_id,member_id\n" + strings.Repeat(expand("A!,1!\nB!,2!\n"), 2000)
	for name, change := range map[string]func(path string) error{
		"by a row at its end": func(path string) error {
			return os.WriteFile(path, []byte(content+expand("C!,2!\n")), 0o600)
		},
		"by its last bytes being cut off": func(path string) error { return os.Truncate(path, int64(len(content)-1)) },
		"by being emptied":                func(path string) error { return os.Truncate(path, 0) },
		"by other bytes": func(path string) error {
			return errors.Join(os.WriteFile(path, []byte(strings.ToUpper(content)), 0o600), os.Chtimes(path, time.Time{}, time.Now().Add(time.Second)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := writeFile(t, content)
			store := &meddler{do: func() {
				if err := change(path); err != nil {
					t.Error(err)
				}
			}}
			_, err := openRows(t.Context(), path, Options{Store: store})
			if err == nil || !strings.Contains(err.Error(), ErrChanged.Error()) || !strings.HasPrefix(err.Error(), path+": ") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAFileMayBeReplacedWhileItIsRead(t *testing.T) {
	t.Parallel()
	path := writeFile(t, expand("image_id,member_id\nA!,1!\n"))
	other := writeFile(t, expand("image_id,member_id\nB!,2!\nC!,2!\n"))
	m, err := openRows(t.Context(), path, Options{Store: &meddler{do: func() {
		if err := os.Rename(other, path); err != nil {
			t.Error(err)
		}
	}}})
	if err != nil || m.Rows != 1 || m.Valid != 1 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestOpenStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := openRows(ctx, writeFile(t, "image_id,member_id\n"), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a file: %v", err)
	}
	if _, err := openRows(ctx, "-", Options{Stdin: strings.NewReader("image_id,member_id\n"), TempDir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("standard input: %v", err)
	}

	ctx, cancel = context.WithCancel(context.Background())
	store := &meddler{do: cancel}
	_, err := openRows(ctx, writeFile(t, "image_id,member_id\n"+strings.Repeat(expand("A!,1!\n"), 5000)), Options{Store: store})
	if n := len(store.rows); !errors.Is(err, context.Canceled) || n > 3*blockSize/len(expand("A!,1!\n")) {
		t.Errorf("within a scan: %v after %d rows", err, n)
	}
}
