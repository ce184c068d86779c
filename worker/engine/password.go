package engine

/*
#include <stdlib.h>

// The library's binding declares none of its own and carries no headers for others; both are as in MuPDF's
// include/mupdf/fitz/document.h.
int fz_authenticate_password(void *context, void *document, const char *password);
*/
import "C"

import (
	"reflect"
	"unsafe"

	"github.com/gen2brain/go-fitz"
)

// authenticate opens an encrypted document by its password, which may be the user's or the owner's. The binding has no
// function for it and keeps MuPDF's handles to itself, so they are read out of it: decrypting to a file first would take the
// memory of the whole document, and a second program that understands it.
func authenticate(document *fitz.Document, password string) bool {
	secret := C.CString(password)
	defer C.free(unsafe.Pointer(secret))
	handles := reflect.ValueOf(document).Elem()
	return C.fz_authenticate_password(handle(handles, "ctx"), handle(handles, "doc"), secret) != 0
}

// handle is the pointer in a field of the binding's.
func handle(of reflect.Value, field string) unsafe.Pointer {
	return of.FieldByName(field).UnsafePointer()
}
