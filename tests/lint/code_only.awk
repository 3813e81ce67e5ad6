# SPDX-License-Identifier: GPL-2.0-or-later
# C with comments and the contents of texts blanked, each line as FILE:LINE:CODE.
FNR == 1 { inside = 0 }
{
        line = $0
        code = ""
        while (line != "") {
                if (inside) {
                        end = index(line, "*/")
                        if (end == 0) break
                        line = substr(line, end + 2)
                        inside = 0
                } else if (match(line, /^"([^"\\]|\\.)*"/)) {
                        code = code "\"\""
                        line = substr(line, RLENGTH + 1)
                } else if (match(line, /^'([^'\\]|\\.)+'/)) {
                        code = code "' '"
                        line = substr(line, RLENGTH + 1)
                } else if (substr(line, 1, 2) == "//") {
                        break
                } else if (substr(line, 1, 2) == "/*") {
                        inside = 1
                        line = substr(line, 3)
                } else {
                        code = code substr(line, 1, 1)
                        line = substr(line, 2)
                }
        }
        if (code ~ /[^ ]/) print FILENAME ":" FNR ":" code
}
