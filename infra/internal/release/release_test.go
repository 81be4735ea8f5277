package release

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVersions(t *testing.T) {
	for version, accepted := range map[string]bool{
		"1.2.3": true, "0.1.0-rc.1": true, "": false, "1.2": false, "v1.2.3": false, "1.2.3/../x": false, "1.2.3 ": false,
	} {
		if err := CheckVersion(version); (err == nil) != accepted {
			t.Errorf("%q: %v", version, err)
		}
	}
}

func TestZipIsAlwaysTheSame(t *testing.T) {
	first, err := Zip([]byte("function"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := Zip([]byte("function"))
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("another zip of the same function: %v", err)
	}
	r, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	if err != nil {
		t.Fatal(err)
	}
	file := r.File[0]
	if len(r.File) != 1 || file.Name != "bootstrap" || file.Mode() != 0o755 || !file.Modified.Equal(packed) {
		t.Errorf("%d files: %s %v %v", len(r.File), file.Name, file.Mode(), file.Modified)
	}
	content, err := file.Open()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(content); err != nil || string(text) != "function" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestSums(t *testing.T) {
	const want = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a\n" +
		"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  b\n"
	if got := string(sums(map[string][]byte{"b": []byte("b"), "a": []byte("a")})); got != want {
		t.Errorf("sums:\n%s", got)
	}
}

func TestToYAML(t *testing.T) {
	const template = `{"Resources":{"B":{"Type":"T","Properties":{
		"Arn":{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":s3:::",{"Fn::GetAtt":["A","Arn"]},"/${x}"]]},
		"List":{"Fn::Join":[",",["a",{"Ref":"P"}]]},"Key":{"Fn::Join":["",["a",{"Ref":"P"},{"Fn::If":["C","x",{"Ref":"P"}]}]]},"Joined":{"Fn::Join":["",{"Ref":"P"}]},
		"If":{"Fn::If":["C",{"Ref":"P"},{"Fn::GetAtt":["A","Arn"]}]},"Version":"2012-10-17","Number":7,"Flag":"yes","Star":"*","Clock":"1:30"}},
		"A":{"Type":"T"}},"Parameters":{"P":{"Type":"String"}},"Conditions":{"C":{"Fn::Equals":[{"Ref":"P"},""]}}}`
	const want = `AWSTemplateFormatVersion: '2010-09-09'
Parameters:
  P:
    Type: String
Conditions:
  C: !Equals [!Ref P, ""]
Resources:
  B:
    Type: T
    Properties:
      Arn: !Sub arn:${AWS::Partition}:s3:::${A.Arn}/${!x}
      List: !Join [',', [a, !Ref P]]
      Key: !Join ["", [a, !Ref P, !If [C, x, !Ref P]]]
      Joined: !Join ["", !Ref P]
      If: !If [C, !Ref P, !GetAtt A.Arn]
      Version: "2012-10-17"
      Number: 7
      Flag: "yes"
      Star: '*'
      Clock: "1:30"
  A:
    Type: T
`
	got, err := toYAML([]byte(template))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("template (-want +got):\n%s", diff)
	}
	if _, err := toYAML([]byte(`{"Rules":{},"Resources":{}}`)); err == nil {
		t.Error("a section was dropped without a word")
	}
}
