package report

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"

	"imsrevoke/batch"
)

// A ShareStore keeps the members of many images out of memory until the list of
// them is written. It is used by one goroutine at a time.
type ShareStore struct {
	file      *os.File
	temporary bool // it still has a name
	out       *bufio.Writer
	places    map[string]place
	end       int64
}

// A place is where in a file the members of an image are.
type place struct {
	at   int64
	size int
}

// NewShareStore makes a store in a file of that directory, which loses its name at
// once, or in [ShareStore.Close] where the system keeps that.
func NewShareStore(dir string) (*ShareStore, error) {
	file, err := os.CreateTemp(dir, ".imsrevoke-*.shares")
	if err != nil {
		return nil, err
	}
	return &ShareStore{
		file: file, temporary: os.Remove(file.Name()) != nil,
		out: bufio.NewWriterSize(file, 256<<10), places: make(map[string]place),
	}, nil
}

// Put keeps the members of an image.
func (s *ShareStore) Put(imageID string, members []batch.Member) error {
	text, err := json.Marshal(members)
	if err != nil {
		return err
	}
	if _, err := s.out.Write(text); err != nil {
		return err
	}
	s.places[imageID] = place{s.end, len(text)}
	s.end += int64(len(text))
	return nil
}

// Get returns the members of an image, none if it has none.
func (s *ShareStore) Get(imageID string) ([]batch.Member, error) {
	p, ok := s.places[imageID]
	if !ok {
		return nil, nil
	}
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
func (s *ShareStore) Close() error {
	err := s.file.Close()
	if s.temporary {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	return err
}
