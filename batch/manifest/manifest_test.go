package manifest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"imsrevoke/batch"
)

const (
	nameX       = `the image id "x" is not a UUID: it looks like an image name; find the id with: openstack image show -f value -c id NAME`
	doubt       = "; in such a row the image id needs its dashes, and the member must be a project id"
	strayReturn = "the row contains a carriage return, which may be the end of a line; convert the line endings, or remove it"
)

func TestRows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		in   string
		opts Options
		want []string
	}{
		{"rows come with their physical lines", "image_id,member_id\nA!,1!\nB!,2!\n", Options{}, []string{"2 A! 1!", "3 B! 2!"}},
		{"the last line needs no line feed", "image_id,member_id\nA!,1!", Options{}, []string{"2 A! 1!"}},
		{"a file may hold a header only", "image_id,member_id\n", Options{}, nil},
		{"lines may end in CRLF", "image_id,member_id\r\nA!,1!\r\nB!,2!\r\n", Options{}, []string{"2 A! 1!", "3 B! 2!"}},
		{"a header may be quoted behind a byte order mark", "\ufeff\"image_id\",\"member_id\"\nA!,1!\n", Options{}, []string{"2 A! 1!"}},
		{"semicolons are found", "image_id;member_id\nA!;1!\n", Options{}, []string{"2 A! 1!"}},
		{"tabs are found", "image_id\tmember_id\nA!\t1!\n", Options{}, []string{"2 A! 1!"}},
		{"bars are found", "image_id|member_id\nA!|1!\n", Options{}, []string{"2 A! 1!"}},
		{"the line of Excel names the delimiter and counts as a line", "sep=;\r\nimage_id;member_id\r\nA!;1!\r\n", Options{}, []string{"3 A! 1!"}},
		{"the line of Excel may be quoted and name an odd delimiter", "\"SEP=^\"\nimage_id^member_id\nA!^1!\n", Options{}, []string{"3 A! 1!"}},
		{"a delimiter that the caller names wins over the line of Excel", "sep=,\nimage_id:member_id\nA!:1!\n", Options{Delimiter: ':'}, []string{"3 A! 1!"}},
		{"blank lines count as lines and not as rows", "\n , \nimage_id,member_id\n\nA!,1!\n,\n  \n\u00a0,\u200b\nB!,2!\n\n", Options{}, []string{"5 A! 1!", "9 B! 2!"}},
		{"blank rows may be short", "image_id,member_id,note\n,\n,,\nA!,1!,\n", Options{}, []string{"4 A! 1! []"}},
		{"the columns may stand in any order among others", "note,member_id,,image_id,note\nx,1!,y,A!,z\n", Options{}, []string{"2 A! 1! [x|y|z]"}},
		{"names are compared without case, spaces, dashes and underscores", "\u200bIMAGE-ID , Member Id\nA!,1!\n", Options{}, []string{"2 A! 1!"}},
		{"names may be Chinese", "成员ID,镜像ID\n1!,A!\n", Options{}, []string{"2 A! 1!"}},
		{"a member column wins over one of projects", "project_id,image,member\n2!,A!,1!\n", Options{}, []string{"2 A! 1! [2!]"}},
		{"a target project wins over a project", "project_id,image,target_project_id\n2!,A!,1!\n", Options{}, []string{"2 A! 1! [2!]"}},
		{"a project column serves when there is no other", "image,tenant_id\nA!,1!\n", Options{}, []string{"2 A! 1!"}},
		{"an image id wins over an image", "image,image_id,member\nx,A!,1!\n", Options{}, []string{"2 A! 1! [x]"}},
		{"the caller may name columns", "a,B b,member\nA!,1!,2!\n", Options{ImageColumn: "A", MemberColumn: "b_B"}, []string{"2 A! 1! [2!]"}},
		{"the caller may give positions", "x,x,member\nA!,1!,2!\n", Options{ImageColumn: "#1", MemberColumn: "2"}, []string{"2 A! 1! [2!]"}},
		{"a column that is named like a number goes before a position", "image,2,1\nA!,2!,1!\n", Options{MemberColumn: "1"}, []string{"2 A! 1! [2!]"}},
		{"the exact name chooses between names that fold to the same", "image,Member,member\nA!,2!,1!\n", Options{MemberColumn: "member"}, []string{"2 A! 1! [2!]"}},
		{"a column that the caller names is not taken twice", "member_id,project_id,x\nA!,1!,y\n", Options{ImageColumn: "member_id"}, []string{"2 A! 1! [y]"}},

		{"cells stay as they are while pairs are trimmed", "image_id,member_id\n A!\u00a0,\u200b1!\n", Options{}, []string{"2  A!\u00a0 \u200b1!"}},
		{"a repeated pair names the line of the first", "image_id,member_id\nA!,1!\nB!,1!\n A!, 1!\nA!,2!\nA!,1!\n", Options{},
			[]string{"2 A! 1!", "3 B! 1!", "4  A!  1! =2", "5 A! 2!", "6 A! 1! =2"}},
		{"an invalid row repeats nothing", "image_id,member_id\nx,1!\nx,1!\nA!,1!\n", Options{}, []string{
			"2 x 1! ! " + nameX, "3 x 1! ! " + nameX, "4 A! 1!"}},
		{"a row may lack cells at its end", "image_id,member_id,a,b\nA!,1!,x\nA!\nB!,1!\n", Options{},
			[]string{"2 A! 1! [x|]", "3 A!  [|] ! the row has 1 cell, the header has 4", "4 B! 1! [|]"}},
		{"a short row with a name is invalid: it may be a part of an id", "image_id,member_id,a\nA!,05a1b2c3d4e5\n", Options{},
			[]string{"2 A! 05a1b2c3d4e5 [] ! the row has 2 cells, the header has 3" + doubt}},
		{"a short row without dashes is invalid: another cell may be the one that is missing", "note,image_id,member_id,owner\nA!,1!,2!\n", Options{},
			[]string{"2 1! 2! [A!|] ! the row has 3 cells, the header has 4" + doubt}},
		{"a row may have empty cells at its end", "image_id,member_id\nA!,1!,,\nB!,1!, \nA!,acme,\n", Options{},
			[]string{"2 A! 1!", "3 B! 1!", "4 A! acme ! the row has more cells than the header, which has 2" + doubt}},
		{"a row with cells that are not empty at its end is invalid", "image_id,member_id\nA!,1!,,x\nA!,1!" + strings.Repeat(",", maxSurplus+1) + "\n", Options{},
			[]string{"2 A! 1! ! the row has more cells than the header, which has 2", "3 A! 1! ! the row has more cells than the header, which has 2"}},
		{"a missing id cell is told from an empty one", "note,image_id,member_id\nx,A!\nx,A!,\n", Options{},
			[]string{"2 A!  [x] ! the row has 2 cells, the header has 3", "3 A!  [x] ! the member id is empty"}},
		{"a long row without ids is invalid, and a blank one is no row", "image_id,member_id\n,,,x\n,,\n", Options{},
			[]string{"2   ! the row has more cells than the header, which has 2"}},
		{"ids in formulas", "image_id,member_id,note,note\n=\"A!\",=\"1!\",=\"\",=\"x y\"\n\"=\"\"A!\"\"\",=\"2!\",\"a,=\"\",\",\"b\nc\"\n", Options{},
			[]string{`2 ="A!" ="1!" [=""|="x y"]`, "3 =\"A!\" =\"2!\" [a,=\",|b\nc]"}},
		{"names in formulas", "=\"Image ID\";=\"Member ID\"\n=\"A!\";=\"1!\"\n", Options{}, []string{`2 ="A!" ="1!"`}},
		{"formulas that are not text alone", "image_id;member_id;note\nA!;1!;=\"a;b\"\nA!;1!;=\"a\"&\"b\"\nB!;1!;=1\n", Options{},
			[]string{"2   [] ! a double quote inside an unquoted cell, at byte 72 of the line",
				"3   [] ! a double quote inside an unquoted cell, at byte 72 of the line", "4 B! 1! [=1]"}},
		{"a formula behind a row with a stray quote", "image_id,member_id,note\nA!,1!,5\" disk\nB!,2!,=\"x\"\n", Options{},
			[]string{"2   [] ! a double quote inside an unquoted cell, at byte 72 of the line", `3 B! 2! [="x"]`}},
		{"ids in quotes, and the URL of an image", "image_id,member_id\nhttps://glance.example.com/v2/images/A!,'1!'\n", Options{},
			[]string{"2 https://glance.example.com/v2/images/A! '1!'"}},
		{"a list of members in one cell", "image_id,member_id\nA!,\"1!\n2!\"\nB!,1!\n", Options{},
			[]string{"2 A! 1!\n2! ! the member cell \"1!\\n05a1b2c3d4e5f60718293a4b5c6d7e0\"… holds several ids; write one row for each", "4 B! 1!"}},
		{"the header again is no row", "image_id,member_id,note\nA!,1!,x\nImage ID,Member ID,Note\nB!,1!,y\n\ufeff镜像ID,成员ID,z\n", Options{},
			[]string{"2 A! 1! [x]", "4 B! 1! [y]"}},
		{"words of a header are no header", "image_id,member_id,kind,role\nx,1!,image,member\n", Options{}, []string{"2 x 1! [image|member] ! " + nameX}},
		{"lines may end in CR", "image_id,member_id\rA!,1!\r\rB!,2!\r", Options{}, []string{"2 A! 1!", "4 B! 2!"}},
		{"a CR that ends some lines", "image_id,member_id,a,b,c\nA!,1!,x\rB!,2!,y\nA!,1!,x,\"a\rb\",\nB!,2!\rC!,2!\n", Options{}, []string{
			"2 A! 1! [x\rB!|2!|y] ! " + strayReturn, "3 A! 1! [x|a\rb|]", "4 B! 2!\rC! [2!||] ! " + strayReturn}},
		{"a stray quote makes its row invalid", "image_id,member_id,note\nA!,1!,5\" disk\nB!,2!,\"a\"b\nC!,1!,\"\"\n", Options{},
			[]string{"2   [] ! a double quote inside an unquoted cell, at byte 72 of the line",
				"3   [] ! a quoted cell continues after its closing quote, at byte 73 of the line", "4 C! 1! []"}},
		{"a fault of quotes on the last line concerns that row only", "image_id,member_id\nA!,1!\n\"B!\"x,2!", Options{},
			[]string{"2 A! 1!", "3   ! a quoted cell continues after its closing quote, at byte 38 of the line"}},
		{"a note may run over lines", "image_id,member_id,note\nA!,1!,\"a, b\nc, d\n\"\nB!,2!,\n", Options{}, []string{"2 A! 1! [a, b\nc, d\n]", "5 B! 2! []"}},
		{"swapped columns that were named as they are", "image_id,member_id\n1!,A!\n", Options{ImageColumn: "#1", MemberColumn: "#2"}, []string{"2 1! A!"}},
		{"swapped ids in some rows are taken for ids in another spelling", "image_id,member_id\nA!,1!\n1!,A!\n", Options{},
			[]string{"2 A! 1!", "3 1! A!"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := mustOpen(t, expand(tt.in), tt.opts)
			var got []string
			for i, row := range rowsOf(t, m) {
				if row.Seq != i {
					t.Errorf("row %d has Seq %d", i, row.Seq)
				}
				if pair, _ := batch.ParsePair(row.ImageID, row.MemberID); row.Problem == "" && row.Pair != pair {
					t.Errorf("row %d names %v", i, row.Pair)
				}
				got = append(got, brief(row))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const hint = "look for a missing or surplus double quote there"
	tests := []struct {
		name string
		in   string
		opts Options
		want string // without the path
	}{
		{"an empty file", "", Options{}, "the file is empty; it needs a header line such as image_id,member_id"},
		{"a byte order mark alone", "\xff\xfe", Options{}, "the file is empty; it needs a header line such as image_id,member_id"},
		{"a file of blank lines", "\n\n , \n", Options{}, "the file is empty; it needs a header line such as image_id,member_id"},
		{"a file without a header", "x,1!,A!\n", Options{}, "line 1: the file has no header: its first row holds ids; put this line above it: column1,member_id,image_id"},
		{"a file without a header, read by positions", "A!;1!\nB!;2!\n", Options{ImageColumn: "#1", MemberColumn: "#2"},
			"line 1: the file has no header: its first row holds ids; put this line above it: image_id;member_id"},
		{"an unknown column", "id,member_id\n1,2\n", Options{},
			`line 1: no column is known to hold the image; the header has "id", "member_id"; name it with --image-column, or rename it to image_id`},
		{"a near miss", "sep=;\nimage_di;member_id\n", Options{},
			`line 2: no column is known to hold the image; the header has "image_di", "member_id"; did you mean "image_di"? then pass --image-column "image_di"`},
		{"a near miss of a member", "image id|membr id|x\n", Options{},
			`line 1: no column is known to hold the member; the header has "image id", "membr id", "x"; did you mean "membr id"? then pass --member-column "membr id"`},
		{"an unknown delimiter", "image_id:member_id\n", Options{},
			`line 1: no column is known to hold the image; the header has "image_id:member_id"; if the file has another delimiter, name it with --delimiter`},
		{"a long header is cut short in the message", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz,b,c,d,e,f,g,h,i,j,k,l,m,n\n", Options{},
			`line 1: no column is known to hold the image; the header has "abcdefghijklmnopqrstuvwxyzabcdefghijklmn"…, "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l" and 2 more; name it with --image-column, or rename it to image_id`},
		{"a column that the caller names in vain", "image_id,member_id\n", Options{MemberColumn: "#3"},
			`line 1: there is no column 3; the header has 2 columns: "image_id", "member_id"; give --member-column one of these names, or a number up to 2`},
		{"a name that the header does not have", "image_id,member_id\n", Options{MemberColumn: "target"},
			`line 1: there is no column "target"; the header has "image_id", "member_id"; give --member-column one of these names, or a number such as 1`},
		{"two image columns of one tier", "image_id,source_image_id,member\n", Options{},
			`line 1: two columns may hold the image: "image_id" (column 1) and "source_image_id" (column 2); choose one, for instance with --image-column '#1'`},
		{"the same header twice", "image,member_id,Member ID\n", Options{},
			`line 1: two columns may hold the member: "member_id" (column 2) and "Member ID" (column 3); choose one, for instance with --member-column '#2'`},
		{"two columns with the name that the caller gives", "image,x,x\n", Options{MemberColumn: "x"},
			`line 1: two columns may hold the member: "x" (column 2) and "x" (column 3); choose one, for instance with --member-column '#2'`},
		{"one column for both", "a,b\n", Options{ImageColumn: "a", MemberColumn: "#1"},
			`line 1: column 1, "a", cannot hold both the image and the member; name two columns with --image-column and --member-column`},
		{"two delimiters that fit", "\na,b;c\n", Options{ImageColumn: "#1", MemberColumn: "#2"},
			`line 2: the delimiter may be ',' or ';'; choose one with --delimiter`},
		{"a delimiter that cannot be one", "image_id,member_id\n", Options{Delimiter: '"'},
			`'"' cannot be a delimiter; give one character, such as , ; or |, with --delimiter`},
		{"a header whose quotes are broken", "\"image_id\"x,member_id\n", Options{},
			"line 1: the header cannot be read: a quoted cell continues after its closing quote, at byte 10 of the line; close every quote, and double those inside a cell"},
		{"a header that ends in a carriage return, and rows that do not", "image_id,member_id\rA!,1!\n", Options{},
			`line 1: the header contains a carriage return, but other lines end in line feeds; convert it, for instance with tr '\r' '\n' < FILE | imsrevoke run -`},
		{"another header with other columns", "image_id,member_id,note\nA!,1!,x\nMember ID,Image ID,note\n2!,B!,y\n", Options{},
			`line 3: a repeated header has the id columns in other places: "Image ID" is column 2, "Member ID" is column 1; split the file at this line`},
		{"a row of too many cells", "image_id,member_id\nA!,1!\n" + strings.Repeat(",", maxCells) + "\n", Options{},
			"line 2: there are more than 100000 cells in one row; look for a line of nothing but delimiters"},
		{"a row of too many cells, some of them quoted", "image_id,member_id\nA!,1!\n\"a\nb\"" + strings.Repeat(",\"\"", maxCells) + "\n", Options{},
			"line 2: there are more than 100000 cells in one row; look for a line of nothing but delimiters"},

		{"a quote that is never closed", "image_id,member_id,note\nA!,1!,x\nB!,2!,\"x\nC!,1!,x\n", Options{}, "line 3: a quote in this row is never closed; " + hint},
		{"a quote that is never closed on the last line", "sep=,\nimage_id,member_id\nA!,1!\nB!,\"2!", Options{}, "line 4: a quote in this row is never closed; " + hint},
		{"a quote that closes at another row's", "sep=,\nimage_id,member_id,note\nA!,1!,\"x\nB!,2!,\"y\"\n", Options{},
			"line 3: unbalanced quote: the quoted cell that starts here ends badly on line 4; " + hint},
		{"a quote that swallows rows", "image_id,member_id,note\nA!,1!,\"x\ny\nB!,2!,y\nC!,2!,\"\n", Options{},
			"line 2: a quoted cell of this row holds what looks like another row, 2 lines further down; " + hint},
		{"a quote that swallows rows behind a note of several lines", "note,image_id,member_id,note\n\"a\nb\nc\",A!,1!,\"x\nx,B!,2!,y\n\"\n", Options{},
			"line 2: a quoted cell of this row holds what looks like another row, 3 lines further down; " + hint},
		{"an id that runs over a line", "image_id,member_id\nA!,1!\nA!,\"2!\n\"\n", Options{}, "line 3: an id in this row spans several lines; " + hint},
		{"swapped columns", "image_id,member_id\n1!,A!\n\n2!,B!\n", Options{},
			`line 2: the columns look swapped: "image_id" holds no UUID with dashes, "member_id" holds nothing else; if so, pass --image-column '#2' --member-column '#1'; if not, the same with the numbers exchanged`},
		{"swapped columns of formulas", "image_id,member_id\n=\"1!\",=\"A!\"\n", Options{},
			`line 2: the columns look swapped: "image_id" holds no UUID with dashes, "member_id" holds nothing else; if so, pass --image-column '#2' --member-column '#1'; if not, the same with the numbers exchanged`},
		{"swapped columns of a thousand rows", "image_id,member_id\n" + strings.Repeat("1!,A!\n", 1000) + "A!,1!\n", Options{},
			`line 2: the columns look swapped: "image_id" holds no UUID with dashes, "member_id" holds nothing else; if so, pass --image-column '#2' --member-column '#1'; if not, the same with the numbers exchanged`},

		{"a ZIP archive", "PK\x03\x04rest", Options{}, "this is an Excel workbook (.xlsx) or another ZIP archive, not CSV; save the sheet as CSV UTF-8"},
		{"a gzip archive", "\x1f\x8b\x08", Options{}, "this is a gzip archive, not CSV; unpack it first, for instance with gzip -dc FILE | imsrevoke run -"},
		{"JSON", "\ufeff\n [{\"image_id\":1}]", Options{}, "this is JSON, not CSV; export it as CSV, for instance with jq -r '.members[] | [.image_id, .member_id] | @csv', below a header line image_id,member_id"},
		{"a table of openstack", "+-----+-----+\n| Image ID | Member ID |\n+-----+-----+\n| A! | 1! |\n+-----+-----+\n", Options{},
			"this is a text table, not CSV; export it again as CSV: openstack has -f csv, mysql has --batch"},
		{"HTML", "<!doctype html>", Options{}, "this is HTML or XML, perhaps a login or error page, not CSV; download the file again"},

		{"bytes of no encoding", "image_id,member_id\nA!,1!\ncafé \xe9,x\n", Options{}, "line 3: the byte at offset 95 is not UTF-8, and the file is not GB18030 either; name its encoding with --encoding, for instance windows-1252"},
		{"bytes that are not of the encoding that the caller names", "image_id,member_id\nA!,\xe9\n", Options{Encoding: "UTF8"},
			"line 2: the byte at offset 56 is not utf-8; name the file's encoding with --encoding, or export it again as UTF-8"},
		{"bytes that do not decode", "image_id,member_id\nA!,\xe9\n", Options{Encoding: "GBK"},
			"line 2: the byte at offset 56 is not gbk; name the file's encoding with --encoding, or export it again as UTF-8"},
		{"half a character at the end", "image_id,member_id\nA!,\xe9\x95", Options{Encoding: "utf-8"},
			"line 2: the byte at offset 56 is not utf-8; name the file's encoding with --encoding, or export it again as UTF-8"},
		{"an encoding that nobody knows", "image_id,member_id\n", Options{Encoding: "ebcdic"},
			`the encoding "ebcdic" is not known; give --encoding a name such as utf-8, utf-16le, gb18030, big5, shift_jis or windows-1252`},
		{"an encoding against the byte order mark", "\ufeffimage_id,member_id\n", Options{Encoding: "gbk"},
			"the byte order mark says utf-8, --encoding says gbk; leave --encoding out"},
		{"a NUL", "image_id,member_id\nA!,1\x00!\n", Options{}, "line 2: there is a NUL at byte offset 57: the file is damaged, or not text; export it again"},
		{"a cell of more than a mebibyte", "image_id,member_id,note\nA!,1!,x\nB!,2!," + strings.Repeat("x", maxCell+1) + "\n", Options{},
			"line 3: a cell holds more than 1 MiB; shorten it, or look for a quote that is closed too late"},
		{"a row without end", "image_id,member_id,note\nA!,1!,x\nB!,2!,\"" + strings.Repeat("x\n", maxRow/2) + strings.Repeat("y", 3*blockSize), Options{},
			"line 2: a row does not end within 4 MiB; look for a quote that is never closed"},
		{"a header without end", strings.Repeat("x", maxRow+3*blockSize), Options{},
			"line 1: a row does not end within 4 MiB; look for a quote that is never closed"},
		{"more than ten thousand columns", "image_id,member_id" + strings.Repeat(",x", maxColumns) + "\n", Options{},
			"line 1: the header has 10002 cells; at most 10000 are read; leave out the columns that are not needed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := writeFile(t, expand(tt.in))
			_, err := openRows(context.Background(), path, tt.opts)
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("got %v, want an *Error", err)
			}
			if diff := cmp.Diff(path+": "+expand(tt.want), err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	text := expand("镜像ID,member_id,备注\nA!,1!,共享\ufffd\n")
	plain := strings.ReplaceAll(text, "\ufffd", "")
	long := plain + strings.Repeat(expand("B!,2!,一二三\n"), 3000) // well over one block
	tests := []struct {
		name    string
		in      string
		forced  string
		want    string
		guessed bool
		note    string
	}{
		{"UTF-8 is recognised by its validity", text, "", "utf-8", false, "共享\ufffd"},
		{"a byte order mark says UTF-8", "\ufeff" + text, "", "utf-8", false, "共享\ufffd"},
		{"the caller says UTF-8 and the mark agrees", "\ufeff" + text, "utf8", "utf-8", false, "共享\ufffd"},
		{"a byte order mark says UTF-16LE", "\xff\xfe" + encode(t, utf16le, text), "", "utf-16le", false, "共享\ufffd"},
		{"a byte order mark says UTF-16BE", "\xfe\xff" + encode(t, utf16be, text), "", "utf-16be", false, "共享\ufffd"},
		{"the caller says UTF-16LE", encode(t, utf16le, text), "utf-16le", "utf-16le", false, "共享\ufffd"},
		{"GB18030 is guessed", encode(t, simplifiedchinese.GB18030, text), "", "gb18030", true, "共享\ufffd"},
		{"GBK is read as GB18030", encode(t, simplifiedchinese.GBK, plain), "", "gb18030", true, "共享"},
		{"GBK with a rare character, and one of two letters", encode(t, simplifiedchinese.GBK, "镜像ID,member,备注\n"+expand("A!,1!,朱镕基\n")), "", "gb18030", true, "朱镕基"},
		{"GBK with few Chinese characters", encode(t, simplifiedchinese.GBK, "image,member,note\n"+expand("A!,1!,A组\n")), "", "gb18030", true, "A组"},
		{"Windows-1252 that is no GB18030", encode(t, charmap.Windows1252, "image;member;Kunde\n"+expand("A!;1!;Café – 5 €\n")), "", "windows-1252", true, "Café – 5 €"},
		{"Windows-1252 that could be GB18030", encode(t, charmap.Windows1252, "image;member;Kunde\n"+expand("A!;1!;Müller GmbH\n")), "", "windows-1252", true, "Müller GmbH"},
		{"Windows-1252 with two letters together", encode(t, charmap.Windows1252, "image;member;Größe\n"+expand("A!;1!;Ångström übergroß\n")), "", "windows-1252", true, "Ångström übergroß"},
		{"the caller says Big5", encode(t, traditionalchinese.Big5, "image,member,備註\n"+expand("A!,1!,共享\n")), "BIG5", "big5", false, "共享"},
		{"characters across blocks are whole in UTF-8", long, "", "utf-8", false, "共享"},
		{"characters across blocks are whole in GB18030", encode(t, simplifiedchinese.GB18030, long), "", "gb18030", true, "共享"},
		{"characters across blocks are whole in UTF-16", "\xff\xfe" + encode(t, utf16le, long), "", "utf-16le", false, "共享"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := mustOpen(t, tt.in, Options{Encoding: tt.forced})
			if m.Encoding != tt.want || m.EncodingGuessed != tt.guessed {
				t.Errorf("encoding %q, guessed %v; want %q, %v", m.Encoding, m.EncodingGuessed, tt.want, tt.guessed)
			}
			if strings.HasPrefix(m.ImageColumn, "\ufeff") {
				t.Error("the byte order mark is taken for a part of the header")
			}
			rows := rowsOf(t, m)
			if got := rows[0].Other[0]; got != tt.note {
				t.Errorf("note %q, want %q", got, tt.note)
			}
			for _, row := range rows[1:] {
				if row.Other[0] != "一二三" || row.Pair != (batch.Pair{ImageID: imageB, MemberID: member2}) {
					t.Fatalf("row %+v", row)
				}
			}
		})
	}
}

func TestUnmarkedUTF16IsNamed(t *testing.T) {
	t.Parallel()
	for name, enc := range map[string]encoding.Encoding{"utf-16le": utf16le, "utf-16be": utf16be} {
		_, err := open(t, encode(t, enc, expand("镜像ID,member_id\nA!,1!\n")), Options{})
		if err == nil || !strings.HasSuffix(err.Error(), ": this looks like UTF-16 without a byte order mark; pass --encoding "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFlawsOfLaterBlocksAreFound(t *testing.T) {
	t.Parallel()
	good := expand("image_id,member_id,note\n") + strings.Repeat(expand("A!,1!,一二三\n"), 2000)
	lines := strings.Count(good, "\n")
	bad := utf16LEUnit(0xd800)
	tests := []struct {
		name, in, want string
	}{
		{"a byte that is not UTF-8", good + "\xff\xff\n", "line " + itoa(lines+1) + ": the byte at offset " + itoa(len(good)) + " is not UTF-8"},
		{"a NUL in UTF-8", good + "\x00\n", "line " + itoa(lines+1) + ": there is a NUL at byte offset " + itoa(len(good))},
		{"half a surrogate pair", "\xff\xfe" + encode(t, utf16le, good) + bad, "line " + itoa(lines+1) + ": the byte at offset " + itoa(2+len(encode(t, utf16le, good))) + " is not utf-16le"},
		{"a NUL in UTF-16", "\xff\xfe" + encode(t, utf16le, good+"x\x00y"), "line " + itoa(lines+1) + ": there is a NUL at byte offset " + itoa(4+len(encode(t, utf16le, good)))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := open(t, tt.in, Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestManifestDescribesTheFile(t *testing.T) {
	t.Parallel()
	m := mustOpen(t, expand("Note;Image ID;Note;\"Member ID\";\nx;A!;y;1!;\nx;B!;y;1!;\nx;A!;y;1!;\nx;bad;y;1!;\n"), Options{})
	want := &Manifest{
		Name: m.Name, Rows: 4, Valid: 2, Invalid: 1, Duplicates: 1, Images: Count{N: 2}, Members: Count{N: 1},
		Digest: m.Digest, UncutRows: 4, UncutInvalid: 1, WholeRows: 4, WholeDigest: m.Digest,
		FirstInvalid: m.FirstInvalid, Encoding: "utf-8", Delimiter: ';', ImageColumn: "Image ID", MemberColumn: "Member ID", Columns: []string{"Note", "Note", ""},
	}
	if m.FirstInvalid.Line != 5 || !strings.Contains(m.FirstInvalid.Problem, "not a UUID") {
		t.Errorf("the first invalid row is %+v", m.FirstInvalid)
	}
	if diff := cmp.Diff(want, m, cmpopts.IgnoreUnexported(Manifest{})); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	base := mustOpen(t, expand("image_id,member_id\nA!,1!\nB!,2!\n"), Options{}).Digest
	sum := sha256.Sum256([]byte("\x02\x24" + imageA + "\x20" + member1 + "\x03\x24" + imageB + "\x20" + member2))
	if want := hex.EncodeToString(sum[:]); base != want {
		t.Errorf("digest %s, want %s", base, want)
	}
	tests := []struct {
		name string
		in   string
		same bool
	}{
		{"other columns, delimiter, quotes and line ends do not count", "x;member;image\r\n;\"1!\";A!\r\n9;2!;\"B!\"", true},
		{"the encoding does not count", "\xff\xfe" + encode(t, utf16le, "image_id,member_id\n"+expand("A!,1!\nB!,2!\n")), true},
		{"the order of the rows counts", "image_id,member_id\nB!,2!\nA!,1!\n", false},
		{"the lines count", "image_id,member_id\n\nA!,1!\nB!,2!\n", false},
		{"white space around an id counts", "image_id,member_id\nA!,1! \nB!,2!\n", false},
		{"invalid rows count", "image_id,member_id\nA!,1!\nB!,2!\nx,y\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := mustOpen(t, expand(tt.in), Options{}).Digest; (got == base) != tt.same {
				t.Errorf("the digest is the same: %v, want %v", got == base, tt.same)
			}
		})
	}
}

func TestUnreadableFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := openRows(context.Background(), filepath.Join(dir, "none.csv"), Options{})
	if _, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if want := filepath.Join(dir, "none.csv") + ": cannot open it: no such file or directory; check the path and its permissions"; err.Error() != want {
		t.Errorf("a missing file: %v, want %s", err, want)
	}
	_, err = openRows(context.Background(), dir, Options{})
	if want := dir + ": this is a directory; name the CSV file in it"; err == nil || err.Error() != want {
		t.Errorf("a directory: %v, want %s", err, want)
	}
}
