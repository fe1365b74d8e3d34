package report

import (
	"bufio"
	"encoding/json"
	"io"
	"os"

	"imsrevoke/batch"
)

// A ShareStore stores the members of many images in a file until the list of them is
// written. It is used by one goroutine at a time.
type ShareStore struct {
	file      *os.File
	temporary bool // it still has a name
	out       *bufio.Writer
	places    []place // by the number of the image
	end       int64
}

// A place is where in the file the members of an image are. Its size is 0 if there are
// none.
type place struct {
	at   int64
	size int
}

// NewShareStore creates an empty store in a file in that directory. The file is unlinked
// at once, or by [ShareStore.Close] where the system does not allow that.
func NewShareStore(dir string) (*ShareStore, error) {
	file, err := os.CreateTemp(dir, ".imsrevoke-*.shares")
	if err != nil {
		return nil, err
	}
	return &ShareStore{file: file, temporary: os.Remove(file.Name()) != nil, out: bufio.NewWriterSize(file, 256<<10)}, nil
}

// Put stores the members of the image with this number. It is called once per image.
func (s *ShareStore) Put(image int, members []batch.Member) error {
	text, err := json.Marshal(members)
	if err != nil {
		return err
	}
	if _, err := s.out.Write(text); err != nil {
		return err
	}
	if lacking := image + 1 - len(s.places); lacking > 0 {
		s.places = append(s.places, make([]place, lacking)...)
	}
	s.places[image] = place{s.end, len(text)}
	s.end += int64(len(text))
	return nil
}

// Get returns the members of the image with this number, none if it has none.
func (s *ShareStore) Get(image int) ([]batch.Member, error) {
	if image >= len(s.places) || s.places[image].size == 0 {
		return nil, nil
	}
	p := s.places[image]
	if err := s.out.Flush(); err != nil {
		return nil, err
	}
	text := make([]byte, p.size)
	if _, err := s.file.ReadAt(text, p.at); err != nil && err != io.EOF {
		return nil, err
	}
	var members []batch.Member
	err := json.Unmarshal(text, &members)
	return members, err
}

// Close removes the store.
func (s *ShareStore) Close() error { return closeTemp(s.file, s.temporary) }
