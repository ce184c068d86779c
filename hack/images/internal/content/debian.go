package content

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// certificates is the bundle of the public authorities, as Debian ships them. The bundle in /etc/ssl/certs may hold
// authorities that this machine alone trusts.
func certificates() (File, error) {
	paths, err := filepath.Glob("/usr/share/ca-certificates/mozilla/*.crt")
	if err != nil {
		return File{}, err
	}
	if len(paths) == 0 {
		return File{}, errors.New("no certificates of authorities: the package ca-certificates is missing")
	}
	var bundle []byte
	for _, path := range paths {
		certificate, err := os.ReadFile(path)
		if err != nil {
			return File{}, fmt.Errorf("reading the certificates of authorities: %w", err)
		}
		bundle = append(bundle, certificate...)
	}
	return File{Target: "etc/ssl/certs/ca-certificates.crt", Data: bundle, Mode: 0o644, Package: "ca-certificates"}, nil
}

// sharedLibraries lists the absolute paths of the libraries that a program loads when it starts, the dynamic loader
// among them. The loader itself is asked, so the answer is what will happen.
func sharedLibraries(program string) ([]string, error) {
	// #nosec G204 -- the program is one that was built here
	output, err := exec.Command("ldd", program).Output()
	if err != nil {
		return nil, fmt.Errorf("asking ldd for the libraries of %s: %w", program, err)
	}
	return parseLdd(string(output))
}

// parseLdd reads lines such as
//
//	libtesseract.so.5 => /lib/x86_64-linux-gnu/libtesseract.so.5 (0x00007f0000000000)
//	/lib64/ld-linux-x86-64.so.2 (0x00007f0000000000)
//
// and passes over the one that the kernel provides, which has no path.
func parseLdd(output string) ([]string, error) {
	var paths []string
	for line := range strings.Lines(output) {
		if strings.Contains(line, "not found") {
			return nil, fmt.Errorf("a library is missing: %s", strings.TrimSpace(line))
		}
		for _, field := range strings.Fields(line) {
			if strings.HasPrefix(field, "/") {
				paths = append(paths, field)
				break
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

// findPackages notes on each file which Debian package it comes from, and fails for one that is no package's.
func findPackages(files []File) error {
	query := make([]string, 0, 2*len(files))
	real := make([]string, len(files))
	for i, file := range files {
		var err error
		if real[i], err = filepath.EvalSymlinks(file.Source); err != nil {
			return fmt.Errorf("finding the package of %s: %w", file.Source, err)
		}
		// /lib is a link to /usr/lib, and packages name their files by the one or the other.
		query = append(query, real[i], strings.TrimPrefix(real[i], "/usr"))
	}
	// #nosec G204 -- the arguments are paths of files
	output, err := exec.Command("dpkg-query", append([]string{"--search"}, query...)...).Output()
	// Status 1 says that some of the paths are no package's, as one of each two is bound to be.
	if exit := (*exec.ExitError)(nil); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
		return fmt.Errorf("asking dpkg-query for the packages of files: %w", err)
	}
	owners := parseSearch(string(output))
	for i := range files {
		files[i].Package = cmp.Or(owners[real[i]], owners[strings.TrimPrefix(real[i], "/usr")])
		if files[i].Package == "" {
			return fmt.Errorf("%s comes from no Debian package", files[i].Source)
		}
	}
	return nil
}

// copyrights lists the copyright notices of the Debian packages that files of an image come from: whoever hands on the image
// hands them on too.
func copyrights(image Image) ([]File, error) {
	var files []File
	for _, name := range packagesOf(image) {
		notice := path.Join("usr/share/doc", name, "copyright")
		if _, err := os.Stat("/" + notice); err != nil {
			return nil, fmt.Errorf("finding the copyright notice of package %s: %w", name, err)
		}
		files = append(files, File{Target: notice, Source: "/" + notice, Mode: 0o644, Package: name})
	}
	return files, nil
}

// packagesOf lists the Debian packages that files of an image come from.
func packagesOf(image Image) []string {
	var names []string
	for _, file := range image.Files() {
		if file.Package != "" {
			names = append(names, file.Package)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// parseSearch reads lines such as
//
//	libc6:amd64: /lib/x86_64-linux-gnu/libc.so.6
//
// and returns the name of each file's package.
func parseSearch(output string) map[string]string {
	owners := map[string]string{}
	for line := range strings.Lines(output) {
		name, file, found := strings.Cut(strings.TrimSpace(line), ": ")
		if !found || strings.HasPrefix(name, "diversion ") {
			continue
		}
		owners[file], _, _ = strings.Cut(name, ":")
	}
	return owners
}

// debianPackage is an installed package.
type debianPackage struct {
	Name, Version, Architecture string
}

// installed asks which versions of packages are installed.
func installed(names []string) ([]debianPackage, error) {
	if len(names) == 0 {
		return nil, nil
	}
	show := append([]string{"--show", "--showformat=${Package} ${Version} ${Architecture}\n"}, names...)
	// #nosec G204 -- the arguments are names of packages
	output, err := exec.Command("dpkg-query", show...).Output()
	if err != nil {
		return nil, fmt.Errorf("asking dpkg-query for the versions of packages: %w", err)
	}
	var packages []debianPackage
	for line := range strings.Lines(string(output)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("dpkg-query shows %q", line)
		}
		packages = append(packages, debianPackage{fields[0], fields[1], fields[2]})
	}
	return packages, nil
}
