declare module 'node-gyp-build' {
  /** Loads the binary that fits this process below `directory`. */
  function load(directory: string): unknown;
  namespace load {
    /** Its path; throws where there is none. */
    function resolve(directory: string): string;
  }
  export default load;
}
