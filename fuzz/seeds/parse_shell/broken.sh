$( ` " ' ${ (( [[ <<X
;; ) } case in esac | | && \