package manifest

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
)

func FuzzManifest(f *testing.F) {
	for _, seed := range []string{
		"image_id,member_id\nA!,1!\nA!,1!\n",
		"\ufeff\"image_id\";\"member_id\";n\r\nA!;1!;\"x\r\ny\"\r\n\r\nB!;2!\r\n",
		"sep=\t\nn\timage\tmember\nx\tA!\t1!\t\n\"x\"y\tA!\t1!\n",
		"image_id,member_id,n\nA!,1!,\"x\nB!,2!,\"y\"\n",
		"\n,\nimage|project_id\nA!|1!",
		"{}", "PK\x03\x04", "\xff\xfei\x00", "a,b;c\n", "image_id,member_id\r",
		encode(f, simplifiedchinese.GBK, "镜像ID,成员ID,备注\nA!,1!,共享\n"),
	} {
		f.Add([]byte(expand(seed)), "")
	}
	f.Add([]byte(encode(f, utf16le, expand("image_id,member_id\nA!,1!\n"))), "utf-16le")
	f.Add([]byte("image_id,member_id\n\x1b$B\n"), "iso-2022-jp")

	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte, encoding string) {
		m, err := openRows(context.Background(), "-", Options{Stdin: bytes.NewReader(content), TempDir: dir, Encoding: encoding})
		if err != nil {
			if refusal, ok := errors.AsType[*Error](err); !ok || refusal.Problem == "" {
				t.Fatalf("a refusal that explains nothing: %v", err)
			}
			return
		}
		rows := rowsOf(t, m)
		checkRows(t, m, rows)
	})
}

// checkRows checks what holds for the rows of any file.
func checkRows(t interface{ Errorf(string, ...any) }, m *Manifest, rows []gotRow) {
	line := m.layout.line
	first := make(map[string]int)
	var valid, invalid, duplicates int
	for i, row := range rows {
		if row.Seq != i || row.Line <= line {
			t.Errorf("row %d: Seq %d, line %d after line %d", i, row.Seq, row.Line, line)
		}
		line = row.Line
		if len(row.Other) != len(m.Columns) {
			t.Errorf("line %d: %d other cells for %d columns", line, len(row.Other), len(m.Columns))
		}
		pair := row.Pair.ImageID + "/" + row.Pair.MemberID
		switch {
		case row.Problem != "":
			invalid++
			if row.FirstLine != 0 {
				t.Errorf("line %d: an invalid row repeats line %d", line, row.FirstLine)
			}
			continue
		case row.FirstLine != 0:
			duplicates++
		default:
			valid++
		}
		if err := row.Pair.Validate(); err != nil {
			t.Errorf("line %d: %v", line, err)
		}
		if row.FirstLine != first[pair] || row.FirstLine > 0 && rows[row.FirstSeq].Line != row.FirstLine {
			t.Errorf("line %d: repeats line %d, row %d; want line %d", line, row.FirstLine, row.FirstSeq, first[pair])
		}
		if first[pair] == 0 {
			first[pair] = line
		}
	}
	if m.Rows != len(rows) || m.Valid != valid || m.Invalid != invalid || m.Duplicates != duplicates {
		t.Errorf("counts %d, %d, %d, %d; rows %d, valid %d, invalid %d, duplicates %d",
			m.Rows, m.Valid, m.Invalid, m.Duplicates, len(rows), valid, invalid, duplicates)
	}
}
