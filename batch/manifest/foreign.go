package manifest

import "bytes"

// foreignFormat recognizes files of other formats by their first bytes, and says what the
// user can do instead.
func foreignFormat(head []byte) (what, hint string) {
	for _, f := range []struct{ magic, what, hint string }{
		{"PK\x03\x04", "an Excel workbook (.xlsx) or another ZIP archive", "save the sheet as CSV UTF-8"},
		{"\xd0\xcf\x11\xe0", "an Excel workbook (.xls)", "save the sheet as CSV UTF-8"},
		{"\x1f\x8b", "a gzip archive", "unpack it first, for instance with gzip -dc FILE | imsrevoke run -"},
		{"%PDF", "a PDF document", "export the table as CSV"},
	} {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return f.what, f.hint
		}
	}
	marked, _ := byteOrderMark(head)
	text := bytes.TrimLeft(head[marked.mark:], " \t\r\n\x00")
	if len(text) == 0 {
		return "", ""
	}
	switch text[0] {
	case '{', '[':
		return "JSON", `export it as CSV, for instance with jq -r '.members[] | [.image_id, .member_id] | @csv', below a header line image_id,member_id`
	case '+':
		if line, _, _ := bytes.Cut(text, []byte("\n")); len(bytes.Trim(line, "+-=\r ")) == 0 && bytes.Contains(line, []byte("--")) {
			return "a text table", "export it again as CSV: openstack has -f csv, mysql has --batch"
		}
	case '<':
		return "HTML or XML, perhaps a login or error page", "download the file again"
	}
	return "", ""
}
